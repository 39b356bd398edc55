/** `npm run bench:page`: writes docs/performance.md and its pictures from docs/performance.json. */
import { writeFileSync } from 'node:fs';
import { renderFiles } from './files.ts';

for (const [file, text] of Object.entries(renderFiles())) writeFileSync(file, text);
