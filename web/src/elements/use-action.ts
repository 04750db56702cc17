import { useCallback, useRef, useState } from 'react';
import { rememberPressed } from './focus-return';
import { type Problem, toProblem } from '../http/problem';

/** One thing that a person sets off: whether it runs, and why it failed. */
export interface Action<Parameters extends unknown[]> {
  readonly run: (...parameters: Parameters) => Promise<boolean>;
  readonly isRunning: boolean;
  readonly problem: Problem | null;
  readonly reset: () => void;
}

/**
 * Runs something once at a time. Unlike a mutation of the query client it keeps nothing of what it was
 * given: a key or a token passes through and is gone. Who set it off has the focus again afterwards.
 */
export function useAction<Parameters extends unknown[]>(
  work: (...parameters: Parameters) => Promise<unknown>,
): Action<Parameters> {
  const [isRunning, setRunning] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const isBusy = useRef(false);
  const run = async (...parameters: Parameters): Promise<boolean> => {
    if (isBusy.current) return false;
    isBusy.current = true;
    const giveFocusBack = rememberPressed();
    setRunning(true);
    setProblem(null);
    try {
      await work(...parameters);
      return true;
    } catch (error) {
      setProblem(toProblem(error));
      return false;
    } finally {
      isBusy.current = false;
      setRunning(false);
      giveFocusBack();
    }
  };
  const reset = useCallback(() => {
    setProblem(null);
  }, []);
  return { run, isRunning, problem, reset };
}
