import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { Environment } from '../config';
import { JournalKeys } from '../crypto';
import { ReceiptJournal } from './receipt-journal';

/** The receipt journal in the data directory. Whoever knows the id of this server opens it. */
@Module({
  providers: [
    {
      provide: ReceiptJournal,
      inject: [Environment, JournalKeys],
      useFactory: (environment: Environment, keys: JournalKeys) => {
        const directory = join(environment.dataDirectory, 'journal');
        return new ReceiptJournal({ directory, maximumBytes: environment.journalBytes }, keys);
      },
    },
  ],
  exports: [ReceiptJournal],
})
export class ReceiptJournalModule {}
