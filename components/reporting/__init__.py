"""The page that people look at: `page.render` turns what `material.gather` finds into one HTML file."""
