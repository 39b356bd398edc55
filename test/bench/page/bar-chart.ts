export type Bar = {
  readonly label: string;
  readonly value: number;
  /** Written behind the bar; with a limit, right of all bars. */
  readonly text: string;
  readonly tone: 'own' | 'other' | 'missed';
};

export type BarChart = {
  /** Read out in place of the picture. */
  readonly title: string;
  readonly groups: readonly { readonly title: string; readonly bars: readonly Bar[] }[];
  /** Where a vertical line stands, and what it says. */
  readonly limit?: { readonly at: number; readonly text: string };
  /** The largest value that is drawn whole. */
  readonly max: number;
};

const width = 940;
const labelWidth = 330;
const plotWidth = 330;
const textColumn = labelWidth + plotWidth + 12;
const rowHeight = 24;
const barHeight = 14;

/** Horizontal bars as SVG, readable on a light and on a dark page. */
export function drawBarChart({ title, groups, limit, max }: BarChart): string {
  const rows: string[] = [];
  let y = limit === undefined ? 8 : 28;
  const scale = (value: number) => round((Math.min(Math.max(value, 0), max) / max) * plotWidth);
  for (const group of groups) {
    if (group.title !== '') {
      rows.push(`<text class="group" x="0" y="${y + 15}">${escapeText(group.title)}</text>`);
      y += rowHeight;
    }
    for (const { label, value, text, tone } of group.bars) {
      const middle = y + rowHeight / 2;
      const length = Math.max(2, scale(value));
      rows.push(
        `<text x="${labelWidth - 10}" y="${middle + 4}" text-anchor="end">${escapeText(label)}</text>`,
        `<rect class="${tone}" x="${labelWidth}" y="${middle - barHeight / 2}" width="${length}" height="${barHeight}" rx="2"/>`,
        // In a column of its own where a line would cross it behind its bar.
        `<text x="${limit === undefined ? round(labelWidth + length + 8) : textColumn}" y="${middle + 4}">${escapeText(text)}</text>`,
      );
      y += rowHeight;
    }
    y += 8;
  }
  if (limit !== undefined) {
    const x = round(labelWidth + scale(limit.at));
    rows.push(
      `<line class="limit" x1="${x}" y1="22" x2="${x}" y2="${y - 4}"/>`,
      `<text class="limit-text" x="${x}" y="14" text-anchor="middle">${escapeText(limit.text)}</text>`,
    );
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img" aria-label="${escapeText(title)}">
<title>${escapeText(title)}</title>
<style>
  /* Greys that can be read on white and on black, for viewers that do not say which it is. */
  text { font: 13px system-ui, sans-serif; fill: #6e7781; }
  .group { font-weight: 600; }
  .own { fill: #0969da; } .other { fill: #9aa4af; } .missed { fill: #bc4c00; }
  .limit { stroke: #6e7781; stroke-width: 1.5; stroke-dasharray: 4 3; } .limit-text { font-size: 12px; }
  @media (prefers-color-scheme: light) {
    text { fill: #1f2328; }
    .limit { stroke: #1f2328; }
  }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .own { fill: #4493f8; } .other { fill: #6e7681; } .missed { fill: #f0883e; }
    .limit { stroke: #e6edf3; }
  }
</style>
${rows.join('\n')}
</svg>
`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
