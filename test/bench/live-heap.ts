import { once } from 'node:events';
import { WebSocket } from 'undici';

/** What a process holds, read through its inspector: its garbage is collected first. */
export interface LiveHeap {
  usedMib(): Promise<number>;
  close(): void;
}

/** `log` is what a process started with `--inspect` wrote: it says there where its inspector listens. */
export async function inspectHeap(log: string): Promise<LiveHeap> {
  const [url] = /ws:\/\/127\.0\.0\.1:\S+/.exec(log) ?? [];
  if (!url) throw new Error('no inspector: start the process with --inspect=127.0.0.1:0');
  const socket = new WebSocket(url);
  await once(socket, 'open');
  let last = 0;

  async function ask(method: string): Promise<{ usedSize?: number }> {
    last += 1;
    const id = last;
    const answered = new Promise<{ usedSize?: number }>((resolve) => {
      socket.addEventListener('message', function heard({ data }) {
        const answer = JSON.parse(String(data));
        if (answer.id !== id) return;
        socket.removeEventListener('message', heard);
        resolve(answer.result);
      });
    });
    socket.send(JSON.stringify({ id, method }));
    return answered;
  }

  return {
    async usedMib() {
      await ask('HeapProfiler.collectGarbage');
      const { usedSize = 0 } = await ask('Runtime.getHeapUsage');
      return usedSize / 2 ** 20;
    },
    close: () => socket.close(),
  };
}
