CREATE TABLE "commands" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"request" text NOT NULL,
	"node_id" text NOT NULL,
	"command" "bytea" NOT NULL,
	"issued_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"taken_at" timestamp (3) with time zone,
	"answered_at" timestamp (3) with time zone,
	"error" text
);
--> statement-breakpoint
CREATE INDEX "commands_request" ON "commands" USING btree ("request");--> statement-breakpoint
CREATE INDEX "commands_issued_at" ON "commands" USING btree ("issued_at");