export { runServer } from './run-server';
export { type RunningServer, startServer } from './start-server';
export { openKeyEncryption } from './key-encryption-source';
export { replaceRootKeyFile, retireRootKeyInFile } from './root-key-changes';
export { rootKeyFile } from './root-key-files';
export { guardOutput } from './guard-output';
export { endInOrder } from './last-resort';
