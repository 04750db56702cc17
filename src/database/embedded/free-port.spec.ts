import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePort } from './free-port';

describe('a free port', () => {
  it('is one that can be listened on, and none that a system gives to whoever asks for any', async () => {
    for (let round = 0; round < 20; round += 1) {
      const port = await freePort();
      expect(port).toBeLessThan(32_768);
      const server = createServer().listen(port, '127.0.0.1');
      await once(server, 'listening');
      server.close();
      await once(server, 'close');
    }
  });

  it('is none that somebody listens on', async () => {
    const crypto = jest.requireActual<typeof import('node:crypto')>('node:crypto');
    const taken = await freePort();
    const holder = createServer().listen(taken, '127.0.0.1');
    await once(holder, 'listening');
    const chosen = jest.spyOn(crypto, 'randomInt') as unknown as jest.SpyInstance<number>;
    chosen.mockReturnValueOnce(taken);
    try {
      expect(await freePort()).not.toBe(taken);
      expect(chosen.mock.calls.length).toBeGreaterThan(1);
    } finally {
      chosen.mockRestore();
      holder.close();
    }
  });
});
