import { generateRootKey, parseRootKey } from '../root-key';
import { LocalKeyEncryption } from '../local-key-encryption';
import { InMemoryDataKeyStore } from '../testing/in-memory-data-key.store';
import { RootKeyOverview } from './root-key-overview';

const newRootKey = () => parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
const [ACTIVE, FORMER, DONE, LOST] = [newRootKey(), newRootKey(), newRootKey(), newRootKey()];

describe('the overview of root keys', () => {
  it('tells which of them data keys still need, and which can be taken away', async () => {
    const store = new InMemoryDataKeyStore();
    for (const [number, { id: rootKeyId }] of [ACTIVE, FORMER, FORMER, LOST].entries()) {
      const id = String(number);
      await store.insert({ id, workspaceId: id, rootKeyId, wrapped: 'w1:local:x:y' });
    }
    const encryption = new LocalKeyEncryption(ACTIVE, [FORMER, DONE]);
    const state = { isActive: false, isConfigured: true, isRetirable: false };
    expect(await new RootKeyOverview(encryption, store).list()).toEqual([
      { ...state, rootKeyId: ACTIVE.id, dataKeys: 1, isActive: true },
      { ...state, rootKeyId: FORMER.id, dataKeys: 2 },
      { ...state, rootKeyId: DONE.id, dataKeys: 0, isRetirable: true },
      { ...state, rootKeyId: LOST.id, dataKeys: 1, isConfigured: false },
    ]);
  });
});
