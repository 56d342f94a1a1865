import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDashboard, type View } from '../../../gateway/dashboard/server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

it('a dashboard that closes answers what was asked, and lets go of the connection it was asked by', async () => {
  const data = temporaryFolder();
  let isAsked = false;
  let answer = (_: string) => {};
  const dashboard = await openDashboard({
    listen: { host: '127.0.0.1', port: 0 },
    data,
    view: () => ({}) as View,
    open(app) {
      app.get('/late', () => {
        isAsked = true;
        return new Promise((resolve) => {
          answer = resolve;
        });
      });
    },
  });
  const token = readFileSync(join(data, 'dashboard.token'), 'utf8');
  const headers = { authorization: `Bearer ${token}` };
  const late = fetch(`http://127.0.0.1:${dashboard.address.port}/late`, { headers });
  await until(() => isAsked, 'the request');
  const closed = dashboard.close();
  await new Promise((resolve) => setImmediate(resolve));
  answer('here');
  const said = await late;
  expect([said.headers.get('connection'), await said.text()]).toEqual(['close', 'here']);
  await closed;
});
