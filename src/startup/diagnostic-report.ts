/**
 * Node's diagnostic reports (`--report-on-signal` and the like) then leave out the environment, which may hold keys of
 * clouds and vendors, and the addresses of this machine and of those it talks to.
 */
export function restrictDiagnosticReports(): void {
  Object.assign(process.report, { excludeEnv: true, excludeNetwork: true });
}
