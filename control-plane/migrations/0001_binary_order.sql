-- Pages go by kind and name; in byte order they come out the same on every server, whatever its locale.
ALTER TABLE "resource_versions" ALTER COLUMN "kind" TYPE text COLLATE "C", ALTER COLUMN "name" TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE "current_resources" ALTER COLUMN "kind" TYPE text COLLATE "C", ALTER COLUMN "name" TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE "fact_versions" ALTER COLUMN "kind" TYPE text COLLATE "C", ALTER COLUMN "name" TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE "current_facts" ALTER COLUMN "kind" TYPE text COLLATE "C", ALTER COLUMN "name" TYPE text COLLATE "C";
--> statement-breakpoint
ALTER TABLE "nodes" ALTER COLUMN "node_id" TYPE text COLLATE "C";
