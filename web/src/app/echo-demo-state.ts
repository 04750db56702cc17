/** What the button of the echo demo hands to the playground. No address can: it is state of the router. */
export const ECHO_DEMO_STATE = { runsEchoDemo: true } as const;

/** Whether the page was opened by the button of the echo demo. */
export function isEchoDemo(state: unknown): boolean {
  return typeof state === 'object' && state !== null && 'runsEchoDemo' in state;
}
