import { type Ask, type PolicyCost, routesOf } from './costs.ts';

/** Routes that have the same policy: so many are asked in turn. */
const ROUTES = 20;

/** About 1 KiB of JSON. */
const BODY = JSON.stringify({
  id: 'order-4711',
  lines: Array.from({ length: 24 }, (_, n) => ({ n, sku: `article-${n}`, price: n * 1.25 })),
});

/** Each policy's routes, with a service of their own, so that nothing else is shared. */
export function formatCostsManifest(costs: readonly PolicyCost[], upstreamPort: number): string {
  const service = (name: string, fields = '') =>
    `kind: Service\nname: ${name}\nspec: { endpoints: [{ address: "127.0.0.1:${upstreamPort}" }]${fields === '' ? '' : `, ${fields}`} }\n`;
  const documents = [service('copies')];
  routesOf(costs).forEach((cost, at) => {
    documents.push(service(`s${at}`, cost.service));
    for (let n = 0; n < ROUTES; n += 1) {
      const fields = cost.route === undefined ? '' : `, ${cost.route}`;
      const match = `match: [{ path: { prefix: ${pathOf(at, n)} } }]`;
      documents.push(`kind: Route\nname: p${at}-${n}\nspec: { ${match}, service: s${at}${fields} }\n`);
    }
  });
  return documents.join('---\n');
}

/** What the routes at `at` of `routesOf` are asked, as load.lua reads it. */
export function formatCostsRequests(ask: Ask, at: number, credentials: readonly string[]): string {
  const count = Math.max(ROUTES, credentials.length);
  const lines = Array.from({ length: count }, (_, n) => {
    const path = `${pathOf(at, n % ROUTES)}/small`;
    switch (ask) {
      case 'nothing':
        return `GET ${path} -\n`;
      case 'origin':
        return `GET ${path} origin: https://app.example\n`;
      case 'key':
      case 'token':
        return `GET ${path} ${credentials[n]}\n`;
      case 'body':
        return `POST ${path} content-type: application/json\t${BODY}\n`;
      default:
        return ask satisfies never;
    }
  });
  return lines.join('');
}

function pathOf(at: number, n: number): string {
  return `/p${at}/r${n}`;
}
