import {
  type ClassProvider,
  type DynamicModule,
  type FactoryProvider,
  Module,
  type ModuleMetadata,
  type ValueProvider,
} from '@nestjs/common';

import { CryptoService } from './crypto.service';
import { DataKeyStore } from './data-key.store';
import { DataKeys } from './data-keys';
import { KeyEncryption } from './key-encryption.interface';

/** How to make a `T`: the `useClass`, `useFactory` or `useValue` of a Nest provider. */
export type ProviderOf<T> =
  | Omit<ClassProvider<T>, 'provide'>
  | Omit<FactoryProvider<T>, 'provide'>
  | Omit<ValueProvider<T>, 'provide'>;

/** The two ports of the vault: who wraps data keys, and where they are kept. */
export interface CryptoModuleOptions {
  /** Modules whose exports the two providers below inject. */
  readonly imports?: ModuleMetadata['imports'];
  readonly keyEncryption: ProviderOf<KeyEncryption>;
  readonly dataKeyStore: ProviderOf<DataKeyStore>;
}

/**
 * Registered once, by the application module, and global: a feature injects `CryptoService` or `DataKeys` without
 * importing this module. Which features may do so is checked on their file imports.
 */
@Module({})
export class CryptoModule {
  static register(options: CryptoModuleOptions): DynamicModule {
    return {
      module: CryptoModule,
      global: true,
      imports: options.imports ?? [],
      providers: [
        { provide: KeyEncryption, ...options.keyEncryption },
        { provide: DataKeyStore, ...options.dataKeyStore },
        DataKeys,
        CryptoService,
      ],
      exports: [CryptoService, DataKeys],
    };
  }
}
