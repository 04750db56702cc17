export type { KeptReceipt } from './adopted-file';
export type { IsAlive } from './journal-adoption';
export { type JournalFault, JournalUnavailable } from './journal-unavailable';
export { ReceiptJournalModule } from './receipt-journal.module';
export { type JournalStatus, ReceiptJournal, type ReceiptJournalOptions } from './receipt-journal';
