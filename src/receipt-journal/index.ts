export type { KeptReceipt } from './adopted-file';
export type { IsAlive } from './journal-adoption';
export type { JournalStatus } from './journal-status';
export { type JournalFault, JournalUnavailable } from './journal-unavailable';
export { ReceiptJournalModule } from './receipt-journal.module';
export { ReceiptJournal, type ReceiptJournalOptions } from './receipt-journal';
