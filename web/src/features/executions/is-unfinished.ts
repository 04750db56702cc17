export function isUnfinished({ status }: { readonly status: string }): boolean {
  return status === 'queued' || status === 'running';
}
