/** Brackets within brackets. What is deeper would exhaust the stack of whatever serialises it later. */
export const NESTING_MAX = 100;

/** Whether a JSON value has more than {@link NESTING_MAX} levels of lists and objects. */
export function isNestedTooDeeply(value: unknown, levels = NESTING_MAX): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((part) => isNestedTooDeeply(part, levels - 1));
}
