import { Inject, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { DataSource } from 'typeorm';
import { v7 } from 'uuid';

import { Secret } from '../common';
import { TenantDatabase } from '../database';
import {
  CryptoModule,
  CryptoService,
  DataKeyRotation,
  DataKeys,
  generateRootKey,
  KeyEncryption,
  KeyInspection,
  LocalKeyEncryption,
  parseRootKey,
  RootKeyRewrap,
} from '.';
import { InMemoryDataKeyStore } from './testing/in-memory-data-key.store';

const SETTING = Symbol('setting');

@Module({ providers: [{ provide: SETTING, useFactory: generateRootKey }], exports: [SETTING] })
class SettingsModule {}

/** A connection that is never opened. */
@Module({
  providers: [
    { provide: DataSource, useValue: new DataSource({ type: 'postgres' }) },
    { provide: TenantDatabase, inject: [DataSource], useFactory: connect },
  ],
  exports: [DataSource, TenantDatabase],
})
class ConnectionModule {}

function connect(dataSource: DataSource): TenantDatabase {
  return new TenantDatabase(dataSource);
}

@Injectable()
class Feature {
  constructor(
    readonly service: CryptoService,
    readonly dataKeys: DataKeys,
  ) {}
}

@Module({ providers: [Feature] })
class FeatureModule {}

@Injectable()
class Intruder {
  constructor(@Inject(KeyEncryption) readonly keyEncryption: KeyEncryption) {}
}

describe('CryptoModule', () => {
  it('serves every module from the two providers it is given', async () => {
    const module = await Test.createTestingModule({
      imports: [
        CryptoModule.register({
          imports: [SettingsModule],
          keyEncryption: {
            inject: [SETTING],
            useFactory: (text: Secret) =>
              new LocalKeyEncryption(parseRootKey(text, 'KEYRUN_ROOT_KEY')),
          },
          dataKeyStore: { useClass: InMemoryDataKeyStore },
        }),
        FeatureModule,
      ],
    }).compile();
    const { service, dataKeys } = module.get(Feature, { strict: false });
    expect(dataKeys).toBe(module.get(DataKeys, { strict: false }));
    await service.verifyRootKey();
    const context = {
      workspaceId: v7(),
      rowId: v7(),
      provider: 'openai',
      destination: 'openai',
      field: 'api_key',
    };
    await dataKeys.create(context.workspaceId);
    const envelope = await service.encryptApiKey(new Secret('sk-1'), context);
    expect((await service.decryptApiKey(envelope, context)).expose()).toBe('sk-1');
    await module.close();
  });

  it.each([
    ['no secret stores', { secretStores: false, isMaintenance: true }, []],
    ['secret stores', { secretStores: true }, [DataKeyRotation]],
    [
      'secret stores, for maintenance',
      { secretStores: true, isMaintenance: true },
      [DataKeyRotation, KeyInspection, RootKeyRewrap],
    ],
  ])('offers the rotation that goes with %s', async (_name, options, offered) => {
    const { secretStores, ...rest } = options;
    const rootKey = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
    const module = await Test.createTestingModule({
      imports: [
        CryptoModule.register({
          imports: [ConnectionModule],
          keyEncryption: { useValue: new LocalKeyEncryption(rootKey) },
          dataKeyStore: { useValue: new InMemoryDataKeyStore() },
          ...(secretStores && { secretStores: { useValue: [] } }),
          ...rest,
        }),
      ],
    }).compile();
    const all = [DataKeyRotation, KeyInspection, RootKeyRewrap];
    const found = all.filter((rotation) => {
      try {
        return module.get<unknown>(rotation, { strict: false }) instanceof rotation;
      } catch {
        return false;
      }
    });
    expect(found).toEqual(offered);
  });

  it('keeps the root keys to itself', async () => {
    const rootKey = parseRootKey(generateRootKey(), 'KEYRUN_ROOT_KEY');
    const building = Test.createTestingModule({
      imports: [
        CryptoModule.register({
          keyEncryption: { useValue: new LocalKeyEncryption(rootKey) },
          dataKeyStore: { useValue: new InMemoryDataKeyStore() },
        }),
      ],
      providers: [Intruder],
    }).compile();
    await expect(building).rejects.toThrow(/KeyEncryption/);
  });
});
