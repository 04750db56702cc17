/** A number with as many digits as it deserves. */
export function figure(value, unit = '') {
  if (value === null || value === undefined || !Number.isFinite(value)) return 'n/a';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit}`;
}

/** How many times the second is contained in the first. */
export function ratio(value, baseline) {
  return `${figure(value / baseline)} ×`;
}

export function printTable(title, headings, rows) {
  const lines = [headings, ...rows].map((row) => row.map(String));
  const widths = headings.map((_, column) => Math.max(...lines.map((row) => row[column].length)));
  const show = (row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]),
      )
      .join('  ')
      .trimEnd();
  console.log(`\n${title}`);
  console.log(show(lines[0]));
  console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  for (const row of lines.slice(1)) console.log(show(row));
}
