import { defineConfig } from 'drizzle-kit';

/** `npx drizzle-kit generate` in this directory writes the migration that the schema asks for. */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/store/schema.ts',
  out: './migrations',
  casing: 'snake_case',
});
