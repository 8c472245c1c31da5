type List<T> = readonly [T, ...T[]];

/** How a notification reaches the guest: its providers, and what they answer. */
export interface Channel {
  readonly name: 'email' | 'sms' | 'push' | 'whatsapp';
  readonly providers: List<string>;
  /** The provider's answer to an accepted message. */
  readonly accepted: number;
  /** Its answers to a refused one. */
  readonly refused: List<{ readonly code: number; readonly reason: string }>;
}

/** Where the booking is; amounts are in its currency's smallest unit per night. */
export interface Hotel {
  readonly name: string;
  readonly currency: string;
  /** 2, or 0 for a currency without cents. */
  readonly decimals: number;
  readonly nightlyRate: number;
}

const EMAIL: Channel = {
  name: 'email',
  providers: ['ses', 'sendgrid', 'postmark'],
  accepted: 250,
  refused: [
    { code: 421, reason: 'service not available' },
    { code: 450, reason: 'mailbox busy' },
    { code: 550, reason: 'no such mailbox' },
  ],
};

const SMS: Channel = {
  name: 'sms',
  providers: ['twilio', 'vonage', 'sinch'],
  accepted: 0,
  refused: [
    { code: 30003, reason: 'handset unreachable' },
    { code: 30005, reason: 'unknown number' },
    { code: 30008, reason: 'unknown error' },
  ],
};

const PUSH: Channel = {
  name: 'push',
  providers: ['fcm', 'apns'],
  accepted: 200,
  refused: [
    { code: 410, reason: 'app was removed' },
    { code: 429, reason: 'too many requests' },
  ],
};

const WHATSAPP: Channel = {
  name: 'whatsapp',
  providers: ['meta', 'twilio'],
  accepted: 200,
  refused: [
    { code: 131026, reason: 'message undeliverable' },
    { code: 131047, reason: 'more than 24 hours since the last reply' },
  ],
};

/** Repeated as often as they are used: half of the notifications are e-mails. */
export const CHANNELS: List<Channel> = [EMAIL, EMAIL, EMAIL, EMAIL, EMAIL, SMS, SMS, PUSH, PUSH, WHATSAPP];

export const HOTELS: List<Hotel> = [
  { name: 'Hotel Bellevue Zürich', currency: 'CHF', decimals: 2, nightlyRate: 28900 },
  { name: 'Casa do Rio, Lisboa', currency: 'EUR', decimals: 2, nightlyRate: 11250 },
  { name: 'Le Petit Phare, Nice', currency: 'EUR', decimals: 2, nightlyRate: 17400 },
  { name: 'Grand Harbour, Sydney', currency: 'AUD', decimals: 2, nightlyRate: 31999 },
  { name: 'The Old Mill, York', currency: 'GBP', decimals: 2, nightlyRate: 14550 },
  { name: '京都 さくら旅館', currency: 'JPY', decimals: 0, nightlyRate: 24800 },
  { name: 'Alpenhof Innsbruck', currency: 'EUR', decimals: 2, nightlyRate: 13900 },
  { name: 'Ocean Drive Suites', currency: 'USD', decimals: 2, nightlyRate: 22095 },
  { name: 'Hotel Smålandsgården', currency: 'SEK', decimals: 2, nightlyRate: 149500 },
  { name: 'Riad Jasmin', currency: 'MAD', decimals: 2, nightlyRate: 98000 },
];

export const GIVEN_NAMES: List<string> = [
  'Amélie',
  'Olivia',
  'Łukasz',
  'Søren',
  'Zoë',
  'James',
  'Chiara',
  'José',
  'Aylin',
  'Noah',
  'Ngọc',
  'Björn',
  'Priya',
  'Omar',
  'Hannah',
  'さくら',
];

export const FAMILY_NAMES: List<string> = [
  'Martin',
  "O'Connor",
  'Nowak',
  'Müller',
  'Rossi',
  'García',
  'Yılmaz',
  'Nguyễn',
  'Lindström',
  'Sharma',
  'Haddad',
  'Smith',
  'van den Berg',
  '田中',
];

/** What some guests put behind their name; the family is several code points joined. */
export const EMOJI: List<string> = ['🌴', '✈️', '🎉', '👩‍👩‍👧', '🏔️', '😎'];

export const LOCALES: List<string> = [
  'en-GB',
  'en-US',
  'de-CH',
  'de-DE',
  'fr-FR',
  'it-IT',
  'es-ES',
  'pt-PT',
  'ja-JP',
  'sv-SE',
];

export const TAGS: List<string> = ['family', 'late-arrival', 'business', 'loyalty', 'pets', 'breakfast', 'group'];

export const CAMPAIGNS: List<string> = ['spring-2026', 'city-breaks', 'win-back'];

/** By when they are sent: after the booking, shortly before the arrival, and after it. */
export const TEMPLATES: {
  readonly booked: List<string>;
  readonly arriving: List<string>;
  readonly stayed: List<string>;
} = {
  booked: ['booking_confirmed', 'payment_received', 'booking_changed', 'upgrade_offer'],
  arriving: ['check_in_reminder', 'online_check_in', 'directions'],
  stayed: ['welcome', 'invoice_ready', 'review_request'],
};

/** Subjects of e-mails, by template. */
export const SUBJECTS: Readonly<Record<string, string>> = {
  booking_confirmed: 'Your booking is confirmed ✅',
  payment_received: 'We received your payment',
  booking_changed: 'Your booking has changed',
  upgrade_offer: 'A room with a view?',
  check_in_reminder: 'See you soon',
  online_check_in: 'Check in online',
  directions: 'How to find us',
  welcome: 'Welcome!',
  invoice_ready: 'Your invoice',
  review_request: 'How was your stay?',
};
