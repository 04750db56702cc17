import { readdirSync, readFileSync } from 'node:fs';

/**
 * Microseconds of CPU that all threads of the process have used, or null where the system does not tell.
 * Threads that ended are missing, so it is for differences over a busy while.
 */
export function cpuMicroseconds(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
    );
    return nanoseconds.reduce((sum, value) => sum + value, 0) / 1_000;
  } catch {
    return null;
  }
}

/** Resident memory of the process in MB (10⁶ bytes), or null where the system does not tell. */
export function residentMegabytes(pid) {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return (Number(kibibytes) * 1024) / 1e6;
  } catch {
    return null;
  }
}

/** All processes below this one, for example the PostgreSQL of a server. */
export function descendants(pid) {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
    );
    return children.map(Number).flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

/** Microseconds of CPU of all descendants, or null where the system does not tell. */
export function descendantMicroseconds(pid) {
  const children = descendants(pid);
  if (children.length === 0) return null;
  return children.reduce((sum, child) => sum + (cpuMicroseconds(child) ?? 0), 0);
}

export function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
