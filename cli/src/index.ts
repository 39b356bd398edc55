/** gatewayctl as a program; run it as `npx gatewayctl`. */
export { createProgram } from './program.ts';
