import { Worker, type WorkerOptions } from 'node:worker_threads';

const isBuilt = !import.meta.url.endsWith('.ts');

/** Starts a thread on a program of ours, `new URL('./….ts', import.meta.url)`; built it is JavaScript. */
export function startWorker(program: URL, options: WorkerOptions = {}): Worker {
  const file = isBuilt ? new URL(program.href.replace(/\.ts$/, '.js')) : program;
  return new Worker(file, { ...options, execArgv: isBuilt ? [] : ['--import', typeScript()] });
}

/** `--import tsx` counts for the main thread alone (tsx 4.23): another one has to ask for it itself. */
function typeScript(): string {
  const tsx = import.meta.resolve('tsx/esm/api');
  return `data:text/javascript,import { register } from ${JSON.stringify(tsx)}; register();`;
}
