import { useEffect, useRef, useState } from 'react';

const PAUSE_MS = 350;

/** A text that is typed here and taken over elsewhere after a pause; also changed from elsewhere. */
export function useDebouncedText(
  text: string,
  take: (text: string) => void,
): readonly [string, (text: string) => void] {
  const [typed, setTyped] = useState(text);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    setTyped(text);
  }, [text]);
  useEffect(() => {
    if (typed === text) return undefined;
    const timer = setTimeout(() => {
      latest.current(typed);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [typed, text]);
  return [typed, setTyped];
}
