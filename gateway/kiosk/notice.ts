import type { Config } from '../config.ts';
import { PURPOSES, type Purpose } from '../consent-record.ts';
import { purposesInUse } from '../event-types.ts';
import {
  LAWYERS_GAP,
  MODE_WORDS,
  PURPOSE_WORDS,
  RIGHTS_WORDS,
  retentionWords,
  WITHDRAWAL_WORDS,
  type WithdrawalChannel,
  type Words,
} from './words.ts';

/** What of the configuration a shopper is told. */
export type NoticeConfig = Pick<Config, 'store' | 'mode' | 'map' | 'devices' | 'retention'>;

/** The public notice, for machines and, as a page, for people (R28). Nothing in it is about anybody. */
export interface Notice {
  storeId: string;
  /** What is in force at this moment, and why it is not what is configured. */
  mode: { inForce: Config['mode']; configured: Config['mode']; reason: string | null; words: Words };
  notice: { id: string; version: string; languages: string[] } | null;
  /** `inUse` where an event rests on it: for the others nobody is asked, who agreed before still sees them. */
  purposes: { purpose: Purpose; inUse: boolean; name: Words; sentence: Words }[];
  retention: { what: string; words: Words }[];
  /** Every way to withdraw, and the zones where it is found. */
  withdrawal: { channel: WithdrawalChannel; zones: string[]; words: Words }[];
  rights: Words;
  /** Not known to the gateway: a lawyer fills it in. */
  controller: { gap: true; words: Words };
}

export function noticeOf(config: NoticeConfig, recognises: { ok: boolean; reason?: string }): Notice {
  const { store, mode, retention } = config;
  const inForce = modeInForce(mode, recognises.ok);
  const inUse = purposesInUse();
  const reason = inForce === mode ? null : (recognises.reason ?? null);
  return {
    storeId: store.id,
    mode: { inForce, configured: mode, reason, words: MODE_WORDS[inForce] },
    notice: store.notice ?? null,
    purposes: PURPOSES.map((purpose) => ({
      purpose,
      inUse: inUse.includes(purpose),
      ...PURPOSE_WORDS[purpose],
    })),
    retention: retentionWords(retention.personalHours),
    withdrawal: withdrawalIn(config),
    rights: RIGHTS_WORDS,
    controller: { gap: true, words: LAWYERS_GAP },
  };
}

function modeInForce(mode: Config['mode'], isRecognising: boolean): Config['mode'] {
  if (mode === 'off') return 'off';
  return isRecognising ? 'identify' : 'anonymous';
}

/** Kiosk and app are there with this listener; readers and buttons where the shop has them. */
function withdrawalIn({ devices, map }: NoticeConfig): Notice['withdrawal'] {
  const names = new Map(map.zones.map(({ id, name }) => [id, name ?? id]));
  const zonesOf = (found: NoticeConfig['devices']) => [
    ...new Set(found.flatMap(({ zone }) => (zone === undefined ? [] : [names.get(zone) ?? zone]))),
  ];
  const readers = devices.filter(({ kind }) => kind === 'check-in');
  const buttons = devices.filter(({ intents }) => Object.values(intents ?? {}).includes('consent-withdraw'));
  const way = (channel: WithdrawalChannel, found: NoticeConfig['devices'] = []) => ({
    channel,
    zones: zonesOf(found),
    words: WITHDRAWAL_WORDS[channel],
  });
  return [
    way('kiosk'),
    way('app'),
    ...(readers.length > 0 ? [way('check-in', readers)] : []),
    ...(buttons.length > 0 && readers.length > 0 ? [way('button', buttons)] : []),
  ];
}
