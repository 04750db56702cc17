import {
  type ClassProvider,
  type DynamicModule,
  type FactoryProvider,
  Module,
  type ModuleMetadata,
  type ValueProvider,
} from '@nestjs/common';

import { ContentKeys } from './content-keys';
import { CryptoService } from './crypto.service';
import { DataKeyStore } from './data-key.store';
import { DataKeys } from './data-keys';
import { JournalKeys } from './journal-keys';
import { KeyEncryption } from './key-encryption.interface';
import {
  DataKeyRotation,
  KeyInspection,
  RootKeyOverview,
  RootKeyRewrap,
  RotationStore,
  SecretStores,
} from './rotation';

/** How to make a `T`: the `useClass`, `useFactory` or `useValue` of a Nest provider. */
export type ProviderOf<T> =
  | Omit<ClassProvider<T>, 'provide'>
  | Omit<FactoryProvider<T>, 'provide'>
  | Omit<ValueProvider<T>, 'provide'>;

/** The two ports of the vault: who wraps data keys, and where they are kept. */
export interface CryptoModuleOptions {
  /** Modules whose exports the providers below inject. */
  readonly imports?: ModuleMetadata['imports'];
  readonly keyEncryption: ProviderOf<KeyEncryption>;
  readonly dataKeyStore: ProviderOf<DataKeyStore>;
  /** Every table with sealed secrets. Without it there is no rotation. */
  readonly secretStores?: ProviderOf<SecretStores>;
  /**
   * Whether to offer the work on all workspaces, {@link KeyInspection} and {@link RootKeyRewrap}: on a connection that
   * sees them all.
   */
  readonly isMaintenance?: boolean;
}

/**
 * Registered once, by the application module, and global: a feature injects `CryptoService` or `DataKeys` without
 * importing this module. Which features may do so is checked on their file imports.
 */
@Module({})
export class CryptoModule {
  static register(options: CryptoModuleOptions): DynamicModule {
    const rotation = rotationProviders(options);
    return {
      module: CryptoModule,
      global: true,
      imports: options.imports ?? [],
      providers: [
        { provide: KeyEncryption, ...options.keyEncryption },
        { provide: DataKeyStore, ...options.dataKeyStore },
        DataKeys,
        ContentKeys,
        CryptoService,
        JournalKeys,
        ...rotation.providers,
      ],
      exports: [ContentKeys, CryptoService, DataKeys, JournalKeys, ...rotation.exports],
    };
  }
}

function rotationProviders({ secretStores, isMaintenance = false }: CryptoModuleOptions) {
  if (secretStores === undefined) return { providers: [], exports: [] };
  const exported = isMaintenance
    ? [DataKeyRotation, RootKeyOverview, KeyInspection, RootKeyRewrap]
    : [DataKeyRotation, RootKeyOverview];
  return {
    providers: [{ provide: SecretStores, ...secretStores }, RotationStore, ...exported],
    exports: exported,
  };
}
