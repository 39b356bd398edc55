import { spawnSync } from 'node:child_process';
import { startGateway } from '../harness/gateway.ts';
import { startNativeServer } from './native-server.ts';

export type Peer = AsyncDisposable & { readonly port: number; readonly version: string };

/** A proxy in front of an origin. */
export const peers: Readonly<Record<'sluice' | 'nginx' | 'haproxy', (origin: number) => Promise<Peer>>> = {
  sluice: startSluice,
  nginx: async (origin) => ({
    ...(await startNativeServer('nginx', (port, dir) => nginxProxy(port, dir, origin))),
    version: versionOf('nginx'),
  }),
  haproxy: async (origin) => ({
    ...(await startNativeServer('haproxy', (port) => haproxyProxy(port, origin))),
    version: versionOf('haproxy'),
  }),
};

async function startSluice(origin: number): Promise<Peer> {
  const gateway = await startGateway({
    manifest: `
kind: Service
name: s
spec: { endpoints: [{ address: "127.0.0.1:${origin}" }] }
---
kind: Route
name: all
spec: { match: [{}], service: s }
`,
  });
  return { port: gateway.node.port, version: 'this tree', [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

function versionOf(program: string): string {
  const { stdout, stderr } = spawnSync(program, ['-v'], { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

/** As it comes, but that it speaks HTTP/1.1 to the origin. */
function nginxProxy(port: number, dir: string, origin: number): string {
  return `
${process.getuid?.() === 0 ? 'user nobody nogroup;' : ''}
daemon off;
worker_processes 1;
pid ${dir}/pid;
error_log /dev/null;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  large_client_header_buffers 8 64k;
  proxy_buffer_size 64k;
  proxy_buffers 8 64k;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${origin};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
    }
  }
}
`;
}

/** As it comes, with room for the longest cases. */
function haproxyProxy(port: number, origin: number): string {
  return `
global
  maxconn 1000
  tune.bufsize 65536
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
listen proxy
  bind 127.0.0.1:${port}
  server origin 127.0.0.1:${origin}
`;
}
