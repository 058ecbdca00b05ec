"""An application's tables as KCL keeps them: who owns a shard, who lives, who leads, and where reading begins."""
