"""What is known of videos and lists: from the YouTube Data API within its quota, else by yt-dlp."""
