/** Does something again and again, never twice at a time; a failure waits for the next time. Returns its end. */
export function every(ms: number, work: () => Promise<void>): () => Promise<void> {
  let current = Promise.resolve();
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    current = work()
      .catch(() => {})
      .finally(() => {
        isBusy = false;
      });
  }, ms);
  return async () => {
    clearInterval(timer);
    await current;
  };
}

/** The same work, one call after another. */
export function serially(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.catch(() => {}).then(work);
    return last;
  };
}
