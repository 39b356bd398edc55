CREATE TABLE "audit" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"track" text NOT NULL,
	"revision" bigint NOT NULL,
	"target" text NOT NULL,
	"detail" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "current_facts" (
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"revision" bigint NOT NULL,
	"content" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL,
	"node_groups" text[] NOT NULL,
	CONSTRAINT "current_facts_kind_name_pk" PRIMARY KEY("kind","name")
);
--> statement-breakpoint
CREATE TABLE "current_resources" (
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"revision" bigint NOT NULL,
	"content" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL,
	"node_groups" text[] NOT NULL,
	CONSTRAINT "current_resources_kind_name_pk" PRIMARY KEY("kind","name")
);
--> statement-breakpoint
CREATE TABLE "fact_revisions" (
	"revision" bigint PRIMARY KEY NOT NULL,
	"write_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"author" text NOT NULL,
	"message" text NOT NULL,
	"digest" "bytea" NOT NULL,
	"created" integer NOT NULL,
	"updated" integer NOT NULL,
	"deleted" integer NOT NULL,
	"rollback_of" bigint NOT NULL,
	"forced" boolean NOT NULL,
	CONSTRAINT "fact_revisions_writeId_unique" UNIQUE("write_id")
);
--> statement-breakpoint
CREATE TABLE "fact_versions" (
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"revision" bigint NOT NULL,
	"content" "bytea",
	"hash" "bytea",
	"node_groups" text[] NOT NULL,
	CONSTRAINT "fact_versions_kind_name_revision_pk" PRIMARY KEY("kind","name","revision")
);
--> statement-breakpoint
CREATE TABLE "histories" (
	"ordinal" bigserial PRIMARY KEY NOT NULL,
	"history_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "histories_historyId_unique" UNIQUE("history_id")
);
--> statement-breakpoint
CREATE TABLE "idempotency" (
	"key" text PRIMARY KEY NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"response" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "meta" (
	"name" text PRIMARY KEY NOT NULL,
	"value" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "nodes" (
	"node_id" text PRIMARY KEY NOT NULL,
	"node_group" text NOT NULL,
	"replica_id" text NOT NULL,
	"last_seen_at" timestamp (3) with time zone NOT NULL,
	"state" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "resource_versions" (
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"revision" bigint NOT NULL,
	"content" "bytea",
	"hash" "bytea",
	"node_groups" text[] NOT NULL,
	CONSTRAINT "resource_versions_kind_name_revision_pk" PRIMARY KEY("kind","name","revision")
);
--> statement-breakpoint
CREATE TABLE "revisions" (
	"revision" bigint PRIMARY KEY NOT NULL,
	"write_id" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"author" text NOT NULL,
	"message" text NOT NULL,
	"digest" "bytea" NOT NULL,
	"created" integer NOT NULL,
	"updated" integer NOT NULL,
	"deleted" integer NOT NULL,
	"rollback_of" bigint NOT NULL,
	"forced" boolean NOT NULL,
	CONSTRAINT "revisions_writeId_unique" UNIQUE("write_id")
);
--> statement-breakpoint
CREATE TABLE "secrets" (
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"field" text NOT NULL,
	"fingerprint" text NOT NULL,
	"nonce" "bytea" NOT NULL,
	"ciphertext" "bytea" NOT NULL,
	CONSTRAINT "secrets_kind_name_field_fingerprint_pk" PRIMARY KEY("kind","name","field","fingerprint")
);
--> statement-breakpoint
CREATE TABLE "tokens" (
	"name" text PRIMARY KEY NOT NULL,
	"hash" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "fact_versions_revision" ON "fact_versions" USING btree ("revision");--> statement-breakpoint
CREATE INDEX "idempotency_expires_at" ON "idempotency" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "resource_versions_revision" ON "resource_versions" USING btree ("revision");