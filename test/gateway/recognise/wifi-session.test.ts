import { describe, expect, it } from 'vitest';
import type { Owner } from '../../../gateway/recognise/recogniser.ts';
import { wifiSession } from '../../../gateway/recognise/wifi-session.ts';

const ANNA: Owner = { recordId: 'c1', subjectRef: 'p1' };
const BERT: Owner = { recordId: 'c2', subjectRef: 'p2' };
const PHONE = '02:10:a4:23:19:c0';

function table() {
  const keys = wifiSession.createTable();
  keys.put(ANNA, { kind: 'wifi', user: 'anna' }, 0);
  keys.put(BERT, { kind: 'wifi', address: '02-10-A4-23-19-C0' }, 0);
  return keys;
}

describe('somebody signed in on the shop’s Wi-Fi', () => {
  it('is known by the name, whatever address the phone has', () => {
    expect(table().find({ kind: 'wifi', user: 'anna' }, 0)).toEqual([ANNA]);
    expect(table().find({ kind: 'wifi', user: 'anna', address: '02:00:00:00:00:09' }, 0)).toEqual([ANNA]);
  });

  it('is known by an address that the consent names, in any spelling', () => {
    expect(table().find({ kind: 'wifi', address: PHONE }, 0)).toEqual([BERT]);
  });

  it('is a stranger by any other name, in another case, or by none', () => {
    for (const seen of [
      { user: 'Anna' },
      { user: 'anna ' },
      { address: '02:00:00:00:00:09' },
      {},
      { user: '' },
    ]) {
      expect(table().find({ kind: 'wifi', ...seen }, 0)).toEqual([]);
    }
  });

  it('by one’s name at another’s address is two people', () => {
    expect(table().find({ kind: 'wifi', user: 'anna', address: PHONE }, 0)).toEqual([ANNA, BERT]);
  });

  it('is found once where name and address are one person’s', () => {
    const keys = wifiSession.createTable();
    keys.put(ANNA, { kind: 'wifi', user: 'anna', address: PHONE }, 0);
    expect(keys.find({ kind: 'wifi', user: 'anna', address: PHONE }, 0)).toEqual([ANNA]);
  });

  it('is forgotten with the record', () => {
    const keys = table();
    keys.remove('c1');
    keys.remove('c2');
    expect(keys.find({ kind: 'wifi', user: 'anna', address: PHONE }, 0)).toEqual([]);
    expect(keys.size()).toBe(0);
  });

  it('is nobody where a key has neither name nor address: it would be everybody’s', () => {
    const keys = wifiSession.createTable();
    keys.put(ANNA, { kind: 'wifi' }, 0);
    keys.put(ANNA, { kind: 'wifi', user: '', address: 'none' }, 0);
    expect(keys.find({ kind: 'wifi', user: '' }, 0)).toEqual([]);
    expect(keys.size()).toBe(0);
  });
});
