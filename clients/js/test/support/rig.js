import { test } from 'node:test';
import { openSession } from './candidate.js';
import { ScriptedServer } from './scripted-server.js';

/** A test with a server of its own; sessions opened through it are stopped at the end. Bounded to twenty seconds. */
export function promise(name, body) {
  test(name, { timeout: 20_000 }, async (context) => {
    const server = await ScriptedServer.open();
    const sessions = [];
    const open = async (options) => {
      const session = await openSession(server, options);
      sessions.push(session);
      return session;
    };
    // Not `finally`: a test that waits in vain never gets there, and its timers would keep the process alive.
    context.after(async () => {
      sessions.forEach((session) => session.stop());
      await server.close();
    });
    await body({ server, open });
  });
}
