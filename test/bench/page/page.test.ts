import { describe, expect, test } from 'vitest';
import { judge } from '../figure.ts';
import type { Results } from '../results.ts';
import { readText, renderFiles } from './files.ts';
import { renderPage } from './page.ts';
import { drawBounds } from './pictures.ts';

test('docs/performance.md and its pictures are what docs/performance.json says', () => {
  for (const [file, text] of Object.entries(renderFiles()))
    expect(readText(file), `${file}: run npm run bench:page`).toBe(text);
});

describe('a page', () => {
  const results = makeResults();

  test('says what is missed and by how much', () => {
    expect(renderPage(results, '')).toContain(
      '1 of 2 bounds are met. Missed:\n\n- small <answer>, to nginx: 1.50x, at most 1.20x; 25 % above it.',
    );
  });

  test('keeps what was written by hand', () => {
    const page = renderPage(results, '');
    const mark = '<!-- written by hand: profile -->\n';
    expect(page).toContain(mark);
    const edited = page.replace(mark, `${mark}Half of it is in write().\n`);
    const again = renderPage(results, edited);
    expect(again).toContain(`${mark}Half of it is in write().\n<!-- end`);
    expect(renderPage(results, again)).toBe(again);
  });

  test('has a bar for each bound, those missed marked in words too', () => {
    const picture = drawBounds(results);
    expect(picture.match(/<rect class="(own|missed)"/g)).toEqual(['<rect class="missed"', '<rect class="own"']);
    expect(picture).toContain('>1.50x, at most 1.20x: missed<');
    expect(picture).toContain('small &lt;answer&gt;');
  });
});

function makeResults(): Results {
  const candidates = [
    { name: 'sluice', samples: [{ cpuUs: 15 }, { cpuUs: 16 }, { cpuUs: 14 }] },
    { name: 'nginx', samples: [{ cpuUs: 10 }, { cpuUs: 10 }, { cpuUs: 10 }] },
  ];
  const bound = { of: 'sluice', against: 'nginx', measure: 'cpuUs', as: 'ratio' } as const;
  return {
    machine: { processor: 'p', cores: 2, memoryGiB: 4, kernel: 'k', loadBefore: 0, versions: { node: '26' } },
    cases: [
      {
        name: 'bare',
        about: 'x',
        commit: 'abc',
        measuredAt: '2026-01-01 00:00',
        tookSeconds: 60,
        rounds: { count: 3, seconds: 1, warmUpSeconds: 1 },
        figures: [
          judge({ ...bound, text: 'small <answer>', atMost: 1.2 }, candidates)!,
          judge({ ...bound, text: 'wide', atMost: 2 }, candidates)!,
        ],
        candidates,
        rows: [],
        problems: [],
        notes: [],
      },
    ],
  };
}
