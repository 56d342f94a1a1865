import type { Message } from '../../devices/device.ts';
import type { IsOptedOut } from '../../devices/opt-out.ts';

/**
 * A receiver's message without the frames of those who objected (R22), for receivers that do not know the
 * list: they are gone before anything reads them. Every other message is given back as it is, also one that
 * cannot be read; decode says why.
 */
export function withoutOptedOut(message: Message, isOptedOut: IsOptedOut): Message {
  if (!message.topic.endsWith('/advertisements')) return message;
  const said = parseJson(message.payload);
  const frames = (said as { frames?: unknown } | null)?.frames;
  if (!Array.isArray(frames)) return message;
  const kept = frames.filter((frame) => !isOptedOut(addressOf(frame)));
  if (kept.length === frames.length) return message;
  return { ...message, payload: Buffer.from(JSON.stringify({ ...(said as object), frames: kept })) };
}

function addressOf(frame: unknown): string {
  const address = (frame as { address?: unknown } | null)?.address;
  return typeof address === 'string' ? address : '';
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    return undefined;
  }
}
