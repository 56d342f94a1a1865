import { execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { devicesWithSecret, openCredentials } from '../../gateway/access/credentials.ts';
import { isDamage, isDiskRefusing, isLocked, lockFolder, openDatabase } from '../../gateway/database.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('the database', () => {
  it('asks the disk for every commit, erases what it deletes, and is its owner’s alone', () => {
    const folder = temporaryFolder();
    const db = openDatabase(folder);
    onTestFinished(() => void db.close());
    const pragma = (name: string) => db.pragma(name, { simple: true });
    // 2 is FULL.
    expect([pragma('journal_mode'), pragma('synchronous'), pragma('secure_delete')]).toEqual(['wal', 2, 1]);
    expect(pragma('application_id')).toBe(0x4149534c);
    for (const name of ['aisle.db', 'aisle.db-wal', 'aisle.db-shm']) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
  });

  it('of a newer version is refused, and left as it is', () => {
    const folder = temporaryFolder();
    const db = openDatabase(folder);
    db.pragma('user_version = 99');
    db.close();
    expect(() => openDatabase(folder)).toThrow(/aisle\.db: is of a newer Aisle \(version 99/);
  });

  it('that is none, or damaged, is not written to, and what comes of it is said', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'aisle.db'), 'not a database, but long enough to look like one'.repeat(50));
    expect(() => openDatabase(folder)).toThrow(
      /aisle\.db: .*damaged; the next start of the gateway salvages it/,
    );
  });

  it('tells a disk that refuses from a mistake of ours', () => {
    const db = openDatabase(temporaryFolder());
    onTestFinished(() => void db.close());
    const errorOf = (sql: string): unknown => {
      try {
        db.exec(sql);
      } catch (error) {
        return error;
      }
    };
    db.pragma('query_only = ON');
    expect(isDiskRefusing(errorOf("INSERT INTO meta VALUES ('a', 'b')"))).toBe(true);
    db.pragma('query_only = OFF');
    expect(isDiskRefusing(errorOf('INSERT INTO meta VALUES (NULL, NULL)'))).toBe(false);
    expect(isDiskRefusing(new TypeError('no code'))).toBe(false);
    // Damage does not go by itself: to try again would be to try for ever.
    for (const code of ['SQLITE_CORRUPT', 'SQLITE_CORRUPT_INDEX', 'SQLITE_NOTADB']) {
      expect([isDiskRefusing({ code }), isDamage({ code })]).toEqual([false, true]);
    }
    expect(isDamage({ code: 'SQLITE_FULL' })).toBe(false);
  });
});

describe('a data folder', () => {
  it('is one gateway’s at a time', () => {
    const folder = join(temporaryFolder(), 'made', 'here');
    const unlock = lockFolder(folder);
    expect(isLocked(folder)).toBe(true);
    expect(() => lockFolder(folder)).toThrow(/another gateway runs on .*here: stop it first/);
    unlock();
    expect(isLocked(folder)).toBe(false);
    lockFolder(folder)();
  });

  it('stays held against other processes, also after a second attempt in this one was refused', async () => {
    const folder = temporaryFolder();
    onTestFinished(lockFolder(folder));
    expect(() => lockFolder(folder)).toThrow('another gateway');
    const module = new URL('../../gateway/database.ts', import.meta.url).href;
    const script = `const { isLocked } = await import('${module}'); process.stdout.write(String(isLocked('${folder}')));`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toBe('true');
  });

  it.each(['a-file', 'a-file/data', '/dev/null'])(
    'that cannot be one (%s) is refused with what to do',
    (name) => {
      const parent = temporaryFolder();
      writeFileSync(join(parent, 'a-file'), '');
      const folder = name.startsWith('/') ? name : join(parent, name);
      expect(() => lockFolder(folder)).toThrow(/^data: .* cannot be made or is not a folder .*: set data to/);
    },
  );

  it('that cannot be written is refused with what to do', () => {
    // Where even root may not make a file.
    expect(() => lockFolder('/proc/self')).toThrow(/^data: \/proc\/self cannot be written .*: set data to/);
  });
});

describe('device secrets', () => {
  const open = (folder: string) => {
    const credentials = openCredentials(folder, Buffer.alloc(32, 7));
    onTestFinished(() => credentials.close());
    return credentials;
  };

  it('are 256 random bits, shown once and kept as a keyed hash', () => {
    const folder = temporaryFolder();
    const credentials = open(folder);
    const secret = credentials.issue('shelf-1', 1);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(credentials.verify('shelf-1', Buffer.from(secret))).toBe(true);
    const other = openCredentials(folder, Buffer.alloc(32, 8));
    expect(other.verify('shelf-1', Buffer.from(secret))).toBe(false);
    other.close();
  });

  it('are good for their device only, until another is made or they are taken back', () => {
    const folder = temporaryFolder();
    const credentials = open(folder);
    const first = Buffer.from(credentials.issue('shelf-1', 1));
    credentials.issue('shelf-2', 1);
    expect(credentials.verify('shelf-2', first)).toBe(false);
    expect(credentials.verify('nobody', first)).toBe(false);
    expect(credentials.verify('shelf-1', Buffer.alloc(0))).toBe(false);
    const second = Buffer.from(credentials.issue('shelf-1', 2));
    expect([first, second].map((secret) => credentials.verify('shelf-1', secret))).toEqual([false, true]);
    expect([credentials.revoke('shelf-1'), credentials.revoke('shelf-1')]).toEqual([true, false]);
    expect(credentials.verify('shelf-1', second)).toBe(false);
    expect(credentials.list()).toEqual([{ device: 'shelf-2', issuedAt: 1 }]);
  });

  it('made beside a running gateway are good at once', () => {
    const folder = temporaryFolder();
    const running = open(folder);
    const secret = Buffer.from(open(folder).issue('shelf-1', 1));
    expect(running.verify('shelf-1', secret)).toBe(true);
    expect(devicesWithSecret(folder)).toEqual(new Set(['shelf-1']));
  });

  it('are not looked for where there is no file, and none is made', () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'data'));
    expect(devicesWithSecret(join(folder, 'data'))).toEqual(new Set());
    expect(statSync(join(folder, 'data')).isDirectory()).toBe(true);
    expect(() => statSync(join(folder, 'data', 'credentials.db'))).toThrow(/ENOENT/);
  });
});
