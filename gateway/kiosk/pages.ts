import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import type { Notice } from './notice.ts';
import { noticePage } from './notice-page.ts';

/** Nothing from elsewhere, nothing inline, and no page may frame these. */
export const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

const FILES = [
  { path: '/kiosk', file: 'kiosk.html', type: 'text/html; charset=utf-8' },
  { path: '/kiosk/kiosk.css', file: 'kiosk.css', type: 'text/css; charset=utf-8' },
  { path: '/kiosk/kiosk.js', file: 'kiosk.js', type: 'text/javascript; charset=utf-8' },
  { path: '/kiosk/words.js', file: 'words.js', type: 'text/javascript; charset=utf-8' },
] as const;

/** The kiosk's touch page, which is plain files, and the notice as a page. */
export function pageRoutes(app: FastifyInstance, notice: () => Notice): void {
  for (const { path, file, type } of FILES) {
    const content = readFileSync(pageFile(file));
    app.get(path, async (_, reply) => reply.headers(HEADERS).type(type).send(content));
  }
  app.get('/notice', async (_, reply) =>
    reply.headers(HEADERS).type('text/html; charset=utf-8').send(noticePage(notice())),
  );
}

/** Beside the sources; the compiled program finds them there too. */
function pageFile(name: string): string {
  const beside = fileURLToPath(new URL(`page/${name}`, import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL(`../../../gateway/kiosk/page/${name}`, import.meta.url));
}
