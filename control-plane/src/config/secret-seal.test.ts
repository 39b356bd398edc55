import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { findSecrets } from '@sluice/engine';
import {
  ExportRequestSchema,
  GetRevisionRequestSchema,
  type Resource,
  ResourceSchema,
  RollbackRequestSchema,
} from '@sluice/proto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type MemoryStore, openMemoryStore } from '../store/testing/memory-store.ts';
import type { ControlContext } from './context.ts';
import { exportResources } from './export.ts';
import { getRevision } from './history.ts';
import { rollBack } from './rollback.ts';
import { openSecretSeal, SecretSeal } from './secret-seal.ts';
import { apply, expectDone, openContext, remove } from './testing/resources.ts';

let store: MemoryStore;
beforeAll(async () => {
  store = await openMemoryStore();
});
afterAll(() => store.close());
beforeEach(() => store.reset());

const ref = { kind: 'Certificate', name: 'c', field: 'spec.privateKey', fingerprint: 'sha256:0123456789abcdef' };

describe('a sealed secret', () => {
  const seal = new SecretSeal(randomBytes(32));

  test('opens with the key it was sealed with', () => {
    expect(seal.open(seal.seal(ref, 'geheim ✓'))).toBe('geheim ✓');
  });

  test('does not open with another key, for another place, or changed by one bit', () => {
    const sealed = seal.seal(ref, 'geheim');
    expect(() => new SecretSeal(randomBytes(32)).open(sealed)).toThrow();
    for (const field of ['kind', 'name', 'field', 'fingerprint'] as const) {
      expect(() => seal.open({ ...sealed, [field]: `${sealed[field]}x` })).toThrow();
    }
    for (const index of [0, sealed.ciphertext.length - 1]) {
      const ciphertext = sealed.ciphertext.map((byte, at) => (at === index ? byte ^ 1 : byte));
      expect(() => seal.open({ ...sealed, ciphertext })).toThrow();
    }
  });

  test('has the same fingerprint each time, another with another key, and is never sealed alike', () => {
    expect(seal.fingerprint('a')).toMatch(/^sha256:[0-9a-f]{16}$/);
    expect(seal.fingerprint('a')).toBe(seal.fingerprint('a'));
    expect(seal.fingerprint('a')).not.toBe(seal.fingerprint('b'));
    expect(seal.fingerprint('a')).not.toBe(new SecretSeal(randomBytes(32)).fingerprint('a'));
    expect(seal.seal(ref, 'x').ciphertext).not.toEqual(seal.seal(ref, 'x').ciphertext);
  });
});

describe('the secret key file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sluice-seal-'));
    return () => rm(directory, { recursive: true });
  });

  test('is made at the first start, readable by its owner alone, and read at the next', async () => {
    const path = join(directory, 'secret.key');
    const first = await openSecretSeal(path, store);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const again = await openSecretSeal(path, store);
    expect(again.open(first.seal(ref, 'x'))).toBe('x');
  });

  test('is refused in one line where others may read it, it holds no key, or it is not the key of this database', async () => {
    const path = join(directory, 'secret.key');
    await openSecretSeal(path, store);
    await chmod(path, 0o640);
    await expect(openSecretSeal(path, store)).rejects.toThrow(`others may read the secret key in ${path}`);
    const other = join(directory, 'other.key');
    await writeFile(other, 'short', { mode: 0o600 });
    await expect(openSecretSeal(other, store)).rejects.toThrow(`${other} holds no secret key`);
    await writeFile(other, randomBytes(32).toString('base64'), { mode: 0o600 });
    await expect(openSecretSeal(other, store)).rejects.toThrow('is not the one that this database was written with');
    expect(await readFile(other, 'utf8')).not.toBe('');
  });
});

describe('a change with secrets', () => {
  const planted = '-----BEGIN PRIVATE KEY----- planted-geheimnis-4711';
  let context: ControlContext;
  beforeEach(async () => {
    context = await openContext(store, { index: { unsupported: [] } });
    return () => context.state.close();
  });

  test('keeps them sealed: not in the database, in memory, in diffs, exports, or remembered answers', async () => {
    const made = expectDone(await apply(context, [certificate({ inline: planted })], { idempotencyKey: 'k' }));
    expectDone(await apply(context, [certificate({ inline: `${planted}-2` })]));
    const revision = expectDone(await getRevision(context, create(GetRevisionRequestSchema, { revision: 2n })));
    const exported = expectDone(await exportResources(context, create(ExportRequestSchema, {})));
    const shown = [made, revision, exported].map((value) =>
      JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part)),
    );
    const memory = [...context.state.config.items()].map(({ content }) => Buffer.from(content).toString('latin1'));
    const dump = await store.dump();
    expect(dump).toContain('Certificate');
    for (const text of [dump, ...shown, ...memory]) expect(text).not.toContain('geheimnis');
  });

  test('is applied again as exported: the stored secret stays, and nothing changes', async () => {
    expectDone(await apply(context, [certificate({ inline: planted })]));
    const exported = expectDone(await exportResources(context, create(ExportRequestSchema, {})));
    expect(expectDone(await apply(context, exported.resources)).changes).toEqual([]);
    expect(expectDone(await apply(context, [certificate({ inline: planted })])).changes).toEqual([]);
  });

  test('that refers to a secret not stored for this very field is refused', async () => {
    expectDone(await apply(context, [certificate({ inline: planted })]));
    const unchanged = fingerprintOf(context);
    const outcome = await apply(context, [certificate({ unchanged }, 'other')]);
    expect(outcome).toMatchObject({
      failure: {
        kind: 'invalid',
        problems: [{ kind: 'Certificate', name: 'other', field: 'spec.privateKey.unchanged' }],
      },
    });
  });

  test('can be rolled back to: its secret is still stored', async () => {
    expectDone(await apply(context, [certificate({ inline: planted })]));
    const first = fingerprintOf(context);
    expectDone(await apply(context, [certificate({ inline: 'another' })]));
    expectDone(await remove(context, ['Certificate/c']));
    expectDone(await rollBack(context, create(RollbackRequestSchema, { revision: 1n }), 'alice'));
    expect(fingerprintOf(context)).toBe(first);
    const sealed = await store.readSecret({ ...ref, fingerprint: first });
    expect(context.seal.open(sealed!)).toBe(planted);
  });

  test('that is refused stores none of them', async () => {
    const broken = certificate({ inline: planted });
    broken.nodeGroups.push('nowhere');
    expect((await apply(context, [broken])).ok).toBe(false);
    expectDone(await apply(context, [certificate({ inline: planted })], { dryRun: true }));
    const fingerprint = context.seal.fingerprint(planted);
    expect(await store.hasSecrets([{ ...ref, fingerprint }])).toEqual([false]);
  });
});

function certificate(key: { inline: string } | { unchanged: string }, name = 'c'): Resource {
  const source =
    'inline' in key
      ? { case: 'inline' as const, value: key.inline }
      : { case: 'unchanged' as const, value: key.unchanged };
  return create(ResourceSchema, {
    name,
    spec: {
      case: 'certificate',
      value: { chain: { source: { case: 'inline', value: 'PEM' } }, privateKey: { source } },
    },
  });
}

function fingerprintOf({ state }: ControlContext): string {
  const [secret] = findSecrets(state.config.index.get('Certificate/c')!.resource);
  return secret !== undefined && 'unchanged' in secret ? secret.unchanged : '';
}
