/** Firmware of a QR or NFC reader that shoppers show their code to. */
export interface CheckInReader {
  /** A code is in front of it; `at` is ms, monotonic. A phone that lies there is read again and again. */
  show(code: string, at: number): void;
}

export interface CheckInReaderOptions {
  /** A poster that stands for one choice; without one a button beside it, or nothing, follows. */
  choice?: 'grant' | 'withdraw';
  send(name: 'scanned', fields: { code: string; choice?: 'grant' | 'withdraw' }): void;
}

/** The same code counts once while it is read again within this time, ms. */
const SAME_FOR = 3_000;

export function checkInReader({ choice, send }: CheckInReaderOptions): CheckInReader {
  let last = { code: '', at: Number.NEGATIVE_INFINITY };
  return {
    show(code, at) {
      const isSame = code === last.code && at - last.at < SAME_FOR;
      last = { code, at };
      if (!isSame) send('scanned', { code, ...(choice && { choice }) });
    },
  };
}
