const keyMapping: Record<string, number[]> = {
  "GOOGLE_AI_STUDIO_KEY_CHAT": [1, 2],   // CHAT: chat (gemini-2.5-flash)
  "GOOGLE_AI_STUDIO_KEY_ARTIFACT": [3, 4, 5, 6],   // ARTIFACT: generate-artifact, generate-artifact-fix (gemini-2.5-pro)
  "GOOGLE_AI_STUDIO_KEY_IMAGE": [7, 8, 9, 10],   // IMAGE: generate-image (gemini-2.5-flash-image)
};
