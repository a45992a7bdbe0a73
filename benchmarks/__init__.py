"""The bars that Reelwright must hold, each measured against its real peer in the same run."""
