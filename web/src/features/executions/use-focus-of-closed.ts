import { useEffect, useRef } from 'react';

/** Gives the focus back to the row of an execution whose drawer has closed; scrolled away, to the list. */
export function useFocusOfClosed(executionId: string | undefined): void {
  const shown = useRef(executionId);
  useEffect(() => {
    const closed = shown.current;
    shown.current = executionId;
    if (executionId !== undefined || closed === undefined) return;
    const link = document.querySelector<HTMLElement>(`[data-execution="${CSS.escape(closed)}"]`);
    const list = document.querySelector<HTMLElement>('[data-executions]');
    (link ?? list)?.focus({ preventScroll: true });
  }, [executionId]);
}
