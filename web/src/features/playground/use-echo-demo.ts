import { useEffect, useRef } from 'react';
import { type Location, useLocation, useNavigate } from 'react-router';
import { isEchoDemo } from '../../app/echo-demo-state';
import { useMay } from '../../app/workspace';

/**
 * Runs what the button of the echo demo asked for: once, and only with the provider that costs nothing. The wish is
 * taken out of the history before, so that neither a reload nor a way back repeats it.
 */
export function useEchoDemo(provider: string, start: () => void): void {
  const { pathname, search, state } = useLocation() as Location<unknown>;
  const navigate = useNavigate();
  const mayRun = useMay('executions:run');
  const hasStarted = useRef(false);
  useEffect(() => {
    if (!mayRun || provider !== 'echo' || !isEchoDemo(state) || hasStarted.current) return;
    hasStarted.current = true;
    void navigate({ pathname, search }, { replace: true, state: null });
    start();
  });
}
