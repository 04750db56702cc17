/** How the journal is. */
export interface JournalStatus {
  /** A receipt could be kept now; it was tried. */
  readonly writable: boolean;
  readonly bytes: number;
  /** Receipts that are kept and not acknowledged, those of adopted files included. */
  readonly unsettled: number;
  /** Damaged pieces and refused receipts that wait for a person. */
  readonly quarantined: number;
}
