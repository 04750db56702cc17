export { ContentKeySecrets } from './content-key-secrets';
export { type ContentText, MAXIMUM_CONTENT_BYTES } from './content-form';
export { ContentModule } from './content.module';
export {
  type ContentSealer,
  ExecutionContent,
  isUnreadable,
  type SealedPlace,
} from './execution-content';
