import type { SeriesLine } from '../series.ts';
import { inOrder, type WholeQuery } from '../series-query.ts';
import type { AnswerLine, FromThread } from './messages.ts';

/** Questions at a time, and how long one may take, ms. */
const MOST = 64;
const PATIENCE_MS = 10_000;

/** Questions that one thread has not answered yet. */
export interface Questions {
  /** `send` gets the question's number. @throws with a sentence where there are too many at once. */
  ask(query: WholeQuery, send: (id: number) => void): Promise<SeriesLine[]>;
  /** Nothing where the question has been given up by then. */
  hear(message: Extract<FromThread, { kind: 'answer' | 'no answer' }>): void;
  /** None of them will be answered. */
  giveUp(why: string): void;
}

interface Question {
  query: WholeQuery;
  resolve: (lines: SeriesLine[]) => void;
  reject: (error: Error) => void;
}

export function createQuestions(): Questions {
  const open = new Map<number, Question>();
  let last = 0;

  function settled(id: number): Question | undefined {
    const question = open.get(id);
    open.delete(id);
    return question;
  }

  return {
    async ask(query, send) {
      if (open.size >= MOST)
        throw new Error('the history has too many questions at once: ask again in a moment');
      last += 1;
      const id = last;
      const late = 'the history takes too long to answer: the disk is slow or busy; ask again later';
      const timer = setTimeout(() => settled(id)?.reject(new Error(late)), PATIENCE_MS).unref();
      const answered = new Promise<SeriesLine[]>((resolve, reject) => {
        open.set(id, { query, resolve, reject });
      });
      send(id);
      return answered.finally(() => clearTimeout(timer));
    },
    hear(message) {
      const question = settled(message.id);
      if (!question) return;
      if (message.kind === 'no answer') return question.reject(new Error(message.reason));
      const { query } = question;
      const lines = message.lines.map((line) => lineOf(line, query));
      question.resolve(inOrder(lines, query.tagNames));
    },
    giveUp(why) {
      for (const id of [...open.keys()]) settled(id)?.reject(new Error(why));
    },
  };
}

function lineOf({ tags, values }: AnswerLine, { from, stepMs }: WholeQuery): SeriesLine {
  const points = Array.from(values, (value, i): SeriesLine['points'][number] => [
    from + i * stepMs,
    Number.isNaN(value) ? null : value,
  ]);
  return { tags, points };
}
