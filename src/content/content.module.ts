import { Module } from '@nestjs/common';
import { ContentKeySecrets } from './content-key-secrets';
import { ExecutionContent } from './execution-content';

/** Seals prompts and answers. It can open no provider key. */
@Module({
  providers: [ContentKeySecrets, ExecutionContent],
  exports: [ContentKeySecrets, ExecutionContent],
})
export class ContentModule {}
