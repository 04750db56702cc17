export { DataKeyRotation, type DataKeyDescription, type RotatedDataKey } from './data-key-rotation';
export {
  KeyInspection,
  type KeyStatus,
  type RootKeyStatus,
  type UnreadableSecret,
  type Verification,
} from './key-inspection';
export {
  type RewrapOptions,
  type RewrapProgress,
  type RewrapResult,
  RootKeyRewrap,
  type UnreadableDataKey,
} from './root-key-rewrap';
export { RootKeyOverview, type RootKeyState } from './root-key-overview';
export { RotationStore, type RootKeyUse } from './rotation.store';
export {
  type ResealedSecret,
  type SealedSecret,
  type SecretStore,
  SecretStores,
  type SecretVerdict,
} from './secret-store';
export { type SecretColumns, SecretTable } from './secret-table';
