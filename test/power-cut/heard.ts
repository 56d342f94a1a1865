import { parser } from 'mqtt-packet';
import type { Sent } from './buttons.ts';
import type { Step } from './steps.ts';

/** Something that the gateway said, and from which line of the trace on. */
export interface Heard {
  line: number;
  what: string;
}

/**
 * Messages that were acknowledged, by their cause, as the gateway's own writes to its sockets show it:
 * whoever is told so may forget the message from that line on.
 */
export function acknowledgements(steps: readonly Step[], brokers: ReadonlySet<number>, sent: Sent): Heard[] {
  const heard: Heard[] = [];
  const parsers = new Map<number, ReturnType<typeof parser>>();
  let line = 0;
  const listen = (port: number) => {
    const parsing = parser({ protocolVersion: 4 });
    parsing.on('packet', ({ cmd, messageId }) => {
      // PUBREC too: from here on the message is the broker's (MQTT-4.3.3).
      if (cmd !== 'puback' && cmd !== 'pubrec') return;
      const what = sent.get(`${port} ${messageId}`);
      if (what === undefined) throw new Error(`${cmd} ${messageId} for nothing that was sent from ${port}`);
      heard.push({ line, what });
    });
    parsers.set(port, parsing);
    return parsing;
  };
  for (const step of steps) {
    if (step.is !== 'said' || !brokers.has(step.from)) continue;
    line = step.line;
    (parsers.get(step.to) ?? listen(step.to)).parse(step.octets);
  }
  return heard;
}

/** Answers to requests that contain `mark`. */
export function answers(steps: readonly Step[], doors: ReadonlySet<number>, mark: string): number[] {
  return steps.flatMap((step) =>
    step.is === 'said' && doors.has(step.from) && step.octets.includes(mark) ? [step.line] : [],
  );
}
