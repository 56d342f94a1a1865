import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditHead, auditWriter, headText } from '../../../gateway/audit.ts';
import { openDatabase } from '../../../gateway/database.ts';
import { aisle, type CommandShop, commandShop } from './command.ts';

/** A shop whose audit has three entries; its head as text. */
async function shopWithAudit(): Promise<CommandShop & { head: string }> {
  const shop = await commandShop();
  const db = openDatabase(shop.config.data);
  auditWriter(db)(
    [
      { what: 'granted', recordId: 'c1', version: 1, detail: 'recognition' },
      { what: 'withdrawn', recordId: 'c1', version: 1 },
      { what: 'mode', detail: 'anonymous: the consent list is too old' },
    ],
    Date.now(),
  );
  const head = headText(auditHead(db));
  db.close();
  return { ...shop, head };
}

function tamper(shop: CommandShop, statement: string): void {
  const db = openDatabase(shop.config.data);
  db.exec(`DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_shortened; ${statement}`);
  db.close();
}

describe('R12: aisle audit verify', () => {
  it('ends with 0 and prints the head to be kept where the chain is whole', async () => {
    const shop = await shopWithAudit();
    const { code, stdout } = await aisle('audit', 'verify', '--config', shop.file);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `sound: 3 entries, head ${shop.head}\n` });
  });

  it('ends with 1 and names the entry where one was changed', async () => {
    const shop = await shopWithAudit();
    tamper(shop, "UPDATE audit SET detail = 'recognition location' WHERE n = 1");
    const { code, stdout } = await aisle('audit', 'verify', '--json', '--config', shop.file);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      ok: false,
      entries: 0,
      brokenAt: 1,
      reason: 'entry 1 is not what was written, or not where it was written',
    });
  });

  it('finds a missing end by the head that a certificate carried', async () => {
    const shop = await shopWithAudit();
    tamper(shop, 'DELETE FROM audit WHERE n = 3');
    const [alone, withHead] = await Promise.all([
      aisle('audit', 'verify', '--config', shop.file),
      aisle('audit', 'verify', '--config', shop.file, '--head', shop.head),
    ]);
    expect(alone.code).toBe(0);
    expect(withHead).toMatchObject({ code: 1, stdout: expect.stringMatching(/^broken at entry 3: /) });
  });

  it('refuses what is no head, and says where there is no database', async () => {
    const shop = await commandShop();
    const config = join(shop.folder, 'aisle.yaml');
    const [noHead, noData] = await Promise.all([
      aisle('audit', 'verify', '--config', config, '--head', '3'),
      aisle('audit', 'verify', '--config', config),
    ]);
    expect(noHead).toMatchObject({ code: 1, stderr: expect.stringContaining('3: is not a head') });
    expect(noData).toMatchObject({ code: 1, stderr: expect.stringContaining('no database there yet') });
  });
});
